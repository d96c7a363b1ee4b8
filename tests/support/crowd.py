"""Many orders of few buyers, nobody of whom SAP knows. All made up."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from stdnum.cn import ric, uscc

SAMPLE = Path(__file__).parents[2] / "connector/sandbox/orders.json"
_FIRST = 1000


def crowd(orders: int, buyers: int, seed: int) -> list[dict[str, Any]]:
    """Return orders in random sequence; every buyer has at least one."""
    samples = json.loads(SAMPLE.read_text(encoding="utf-8"))
    company = next(each for each in samples if each["number"] == "30")
    person = next(each for each in samples if each["number"] == "44")
    dice = random.Random(seed)
    who = [*range(buyers), *(dice.randrange(buyers) for _ in range(orders - buyers))]
    dice.shuffle(who)
    return [
        _order(company if each % 2 else person, _FIRST + place, each)
        for place, each in enumerate(who)
    ]


def code_of(buyer: int) -> str:
    """Return the tax code (odd buyers, companies) or ID number (even ones, persons)."""
    if buyer % 2:
        body = f"91320300MA2{buyer:06d}"
        return body + uscc.calc_check_digit(body)
    body = f"320300197901{buyer % 28 + 1:02d}{buyer:03d}"
    return body + ric.calc_check_digit(f"{body}0")


def _order(sample: dict[str, Any], number: int, buyer: int) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(json.dumps(sample))
    phone = f"1380000{buyer:04d}"
    shape = chr(0x5100 + 7 * buyer) + chr(0x6200 + 11 * buyer)
    order |= {"id": number, "number": str(number)}
    order["billing"] |= {
        "company": f"{shape}起重有限公司" if buyer % 2 else "",
        "last_name": "李",
        "first_name": shape,
        "address_1": f"试验路{buyer + 1}号",
        "phone": phone,
    }
    codes = {"_tax_code": code_of(buyer), "_id_number": code_of(buyer), "_contact_phone": phone}
    for meta in order["meta_data"]:
        meta["value"] = codes.get(meta["key"], meta["value"])
    return order
