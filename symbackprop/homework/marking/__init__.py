"""Marking what many students hand in: their files, a rubric, several processes, reports.

`students` finds them, `sources` reads files and ZIP members, `rubric` gives points, `work` marks one student, `engines`
runs the work here, in processes or on a cluster, `journal` keeps what is done, `report` writes it down.
"""
