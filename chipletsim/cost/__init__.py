"""Cost: what an activity on a mapping costs in energy and time.

Activity becomes counts of events per traffic class and hardware row (`counts`), a
constant integer incidence turns them into traffic and work (`incidence`), and one
jitted program prices those with the numbers of the package (`program`, `constants`).
"""
