"""`musiclc studio`: one page on one's own machine, over the same library functions as the commands. Needs musiclc[studio].

serve.py    the address, the browser, and the end by Ctrl-C
guard.py    who may speak to the server: token, Host, Origin, sizes, headers
routes.py   what the page asks for, as JSON;  events.py  what it is told unasked
session.py  what is on the table: takes, jobs, undo;  takes.py  takes and the memory they may use;  history.py  undo and redo
verbs.py    from what the page asks to requests and command lines;  making.py  from requests to takes
desk.py     one thread that works, what is asked for first;  pulse.py  progress and stopping within a network's work
sheet.py    a MIDI file as the page draws and plays it;  dials.py  the table of rules as the page shows it
page/       the page itself: plain HTML, CSS and JavaScript, with no build step

Others use `serve.run` alone. The page is served before torch is loaded; the model loads in the background.
"""
