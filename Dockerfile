# For the Astro CLI: `astro dev start`. Its base image installs packages.txt and requirements.txt and copies the
# project to /usr/local/airflow by itself.
FROM astrocrpublic.azurecr.io/runtime:3.3-1

# The packages below include/ as an installed distribution: Airflow finds the connection type `hubspot` by its entry
# point. Editable, so that the directory `astro dev start` mounts over this one is the code that runs.
USER root
RUN pip install --no-cache-dir --no-deps --editable /usr/local/airflow
USER astro

# glibc gives each thread its own heap and keeps what was freed there.
ENV MALLOC_ARENA_MAX=2

# Its default of 1024 would end the write-back, which has tasks of its own for each company.
ENV AIRFLOW__CORE__MAX_MAP_LENGTH=10000
