"""Faults put upon the tools while they run, and checks of what they leave behind.

``fork_server`` runs a tool in a process that needs no imports; ``runs`` starts
and disturbs one; ``commands`` has the tools with their results; ``leavings``
judges files; ``disks`` makes small and read-only ones; ``tally`` counts.
"""
