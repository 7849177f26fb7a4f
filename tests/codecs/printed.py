"""Numbers as a table prints them: right if they round to what is printed."""


def agrees(value, printed):
    """Whether ``value`` is within half a unit of the last digit of the text ``printed``."""
    decimals = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10.0**-decimals * (1 + 1e-9)
