"""Many jobs from a table, stopped and continued at will.

table.py     reading jobs: JSON Lines, YAML, CSV;  check.py  what jobs mean, checked field by field
commands.py  which commands a batch can run, and how a worker makes their files
run.py       a plan of all jobs, units of like shape for an engine, a manifest in the end
messages.py  what goes to a worker and what comes back;  workers.py  processes and Ray;  worker.py  inside a process;  sample.py  shared chunks
folder.py    lock, journal, and what is there already;  mirror.py  a folder at an address
"""
