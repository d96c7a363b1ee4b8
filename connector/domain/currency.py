"""The smallest amount that each currency knows (ISO 4217), and rounding to it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
# Codes of currencies by their decimals, where these are not two.
BY_DECIMALS = {0: _NONE.split(), 3: _THREE.split(), 4: _FOUR.split()}
_DECIMALS = {code: decimals for decimals, codes in BY_DECIMALS.items() for code in codes}


def code_of(text: object) -> str:
    """Return the currency that a text names, in capital letters; empty where it names none."""
    code = str(text or "").strip().upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def minor_unit(currency: str) -> Decimal:
    """Return the currency's minor unit: 0.01 for CNY, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-decimals(currency))


def decimals(currency: str) -> int:
    """Return how many decimals amounts of a currency have: 2 for CNY, 0 for JPY, 3 for KWD."""
    return _DECIMALS.get(currency, 2)


def in_words(amount: Decimal, currency: str) -> str:
    """Return an amount as people read it: 1,100 in JPY, 11.306 in KWD. Nothing of it is rounded."""
    most = decimals(currency)
    exact = -int(amount.normalize().as_tuple().exponent) if amount.is_finite() else most
    return f"{amount:,.{max(most, exact)}f}"


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """Return an amount in whole minor units, half up: as shops and their payments round."""
    return amount.quantize(unit, ROUND_HALF_UP)


def slack(unit: Decimal, lines: int) -> Decimal:
    """Return what so many lines may differ from their sum: half a unit each, at least one unit.

    A shop that rounds its taxes once for all lines leaves that between the lines and the total.
    """
    return max(unit, unit * lines / 2)
