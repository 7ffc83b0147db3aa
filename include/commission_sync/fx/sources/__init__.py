"""Where exchange rates come from: one small class per provider behind one protocol."""
