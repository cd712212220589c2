"""python -m musiclc.cli"""

from musiclc.cli import main

main()
