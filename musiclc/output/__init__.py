"""What musiclc writes besides melodies: names, manifests, pictures, sound, pages.

manifest.py   where the files of a command go, and its manifest;  verify.py  whether files are what it says
pianoroll.py  notes in seconds → a drawing;  drawing.py  a drawing → SVG or PNG;  audio.py  notes → WAV
render.py     MIDI files → all of these;  page.py  one HTML page of a run, with page.html, page.css, page.js
"""
