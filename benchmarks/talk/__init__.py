"""Spikes across die boundaries: a published claim tested, its break-even rates, language models.

Three commands, each with ``--quick``, ``--json FILE``, and the first and last with
``--figure FILE``:

* ``python -m benchmarks.talk.claim``
* ``python -m benchmarks.talk.break_even``
* ``python -m benchmarks.talk.language_models``
"""
