"""PostgreSQL roles of least privilege: who may do what to which table, and which company's rows a reader sees."""
