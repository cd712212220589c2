"""Many jobs from a table, stopped and continued at will. A run passes through the files in this order:

table.py   reading jobs: JSON Lines, YAML, CSV;  check.py  what jobs mean, checked field by field
commands.py which commands a batch can run, and how a worker makes their files
run.py     the plan of all jobs, and the run: units of work out, messages in, a manifest in the end;  result.py  what it did;  pace.py  how far it is
units.py   jobs of like shape as units of work;  messages.py  what goes to a worker and what comes back
workers.py processes of this machine;  process.py  how one is started;  worker.py  inside it;  cluster.py  Ray;  sample.py  shared chunks
folder.py  lock, journal, manifest;  records.py  what is there already, whole;  mirror.py  a folder at an address
"""
