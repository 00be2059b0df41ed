"""Where the course's repository lives: one setting, and the command that writes it everywhere it is needed.

``python -m ecomlib.course.address owner/name [ROOT]`` (``make address REPO=owner/name``) writes it here, into the
set-up cells and into the lessons' "Open in Colab" badges. Until then there is no address and no badge.
"""

from __future__ import annotations

REPOSITORY = ""
