"""Spikes across die boundaries: a published claim tested, on models and on real digits.

Commands, each with ``--quick`` and ``--json FILE``, all but ``break_even`` with ``--figure FILE``:

* ``python -m benchmarks.talk.claim``
* ``python -m benchmarks.talk.break_even``
* ``python -m benchmarks.talk.language_models``
* ``python -m benchmarks.talk.digits``
* ``python -m benchmarks.talk.bottleneck``
"""
