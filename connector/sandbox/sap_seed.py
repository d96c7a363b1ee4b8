"""What the sandbox's SAP holds before the first call: customers, parts, stock. All made up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Record = dict[str, Any]

SALES_AREA = {"VKORG": "1000", "VTWEG": "10", "SPART": "00"}
_KNA1 = {
    "LAND1": "CN",
    "NAME2": "",
    "NAME3": "",
    "NAME4": "",
    "STCD1": "",
    "STCD5": "",
    "TELF1": "",
    "STRAS": "",
    "ORT01": "",
    "PSTLZ": "",
    "LOEVM": "",
    "AUFSD": "",
    "REGIO": "",
    "SMTP_ADDR": "",
}
# Number, name, code, phone, street, city, postcode, further fields.
_CUSTOMERS: tuple[tuple[str, str, str, str, str, str, str, Record], ...] = (
    ("1", "参考客户 单位", "", "", "", "", "", {"REFERENCE": "X"}),
    ("2", "参考客户 个人", "", "", "", "", "", {"REFERENCE": "X"}),
    # The default orders know these exactly …
    (
        "100001",
        "徐州恒力起重设备有限公司",
        "91320300MA11000ABP",
        "13900000000",
        "金山桥经济开发区驮蓝山路26号",
        "徐州市",
        "221004",
        {},
    ),
    (
        "100002",
        "王芳",
        "320300198201010174",
        "13900000017",
        "江岸区沿江大道188号",
        "武汉市",
        "430014",
        {},
    ),
    # … and this one nearly: no tax code, no brackets, another phone.
    (
        "100003",
        "上海浦江吊装工程集团有限公司",
        "",
        "13900007777",
        "浦东新区张杨路500号",
        "上海市",
        "200120",
        {},
    ),
    (
        "100010",
        "徐州恒力机械制造有限公司",
        "91320300MA11900ABF",
        "13900001010",
        "泉山区矿大路8号",
        "徐州市",
        "221008",
        {},
    ),
    (
        "100011",
        "江苏恒力起重设备有限公司",
        "",
        "13900001011",
        "江宁区秣周东路12号",
        "南京市",
        "211100",
        {},
    ),
    (
        "100012",
        "天津港机工程有限公司",
        "91120116MA05000A16",
        "13900001012",
        "滨海新区新港路99号",
        "天津市",
        "300456",
        {"AUFSD": "01"},
    ),
    (
        "100013",
        "大连海工吊装有限公司",
        "91210200MA0U000B2C",
        "13900001013",
        "中山区港湾街7号",
        "大连市",
        "116001",
        {"LOEVM": "X"},
    ),
    ("100014", "双子物流有限公司", "", "13900001014", "示范路1号", "郑州市", "450000", {}),
    ("100015", "双子物流有限公司", "", "13900001015", "示范路2号", "郑州市", "450000", {}),
    (
        "100016",
        "Pacific Crane Rental Co., Ltd.",
        "",
        "13900001016",
        "Harbour Road 18",
        "深圳市",
        "518000",
        {},
    ),
    ("100017", "张伟", "", "13900001017", "示范路17号", "徐州市", "221000", {}),
)
_FILLERS = ("起重", "吊装", "机电", "物流", "港务", "建设")
_CITIES = (("长沙市", "410000"), ("太原市", "030000"), ("合肥市", "230000"), ("沈阳市", "110000"))

# Part, description, unit, quantity on hand in plant 1000.
MATERIALS: tuple[tuple[str, str, str, str], ...] = (
    ("XC-13060951", "吊钩滑轮 Hook sheave", "ST", "5000"),
    ("XC-10450123", "液压油滤芯 Hydraulic oil filter", "ST", "5000"),
    ("XC-82027744", "钢丝绳 Wire rope 16mm", "ST", "20000"),
    ("XC-80513368", "力矩限制器传感器 LMI sensor", "ST", "35"),
    ("XC-86010022", "发动机空气滤芯 Air filter", "ST", "5000"),
    ("XC-80300417", "回转支承密封圈 Slewing seal ring", "ST", "5000"),
)


def customers() -> Iterator[tuple[str, Record]]:
    """Give the customers by number."""
    for number, name, code, phone, street, city, postcode, further in _CUSTOMERS:
        yield _customer(number, name, code, phone, street, city, postcode, further)
    for index in range(30):
        city, postcode = _CITIES[index % len(_CITIES)]
        name = f"{city[:2]}{_FILLERS[index % len(_FILLERS)]}{index:02d}有限公司"
        yield _customer(
            str(100100 + index), name, "", f"1390002{index:04d}", f"样板路{index + 1}号", city,
            postcode, {},
        )  # fmt: skip


def materials() -> Iterator[tuple[str, Record]]:
    """Give the parts by number."""
    for number, text, unit, _ in MATERIALS:
        yield number, {"MATNR": number, "MAKTX": text, "MEINS": unit}


def stock() -> Iterator[tuple[str, Record]]:
    """Give the stock by plant and part."""
    for number, _, unit, quantity in MATERIALS:
        yield (
            f"1000/{number}",
            {
                "WERKS": "1000",
                "MATNR": number,
                "MEINS": unit,
                "LABST": quantity,
            },
        )


def _customer(
    number: str,
    name: str,
    code: str,
    phone: str,
    street: str,
    city: str,
    postcode: str,
    further: Record,
) -> tuple[str, Record]:
    key = number.zfill(10)
    return key, {
        **_KNA1,
        "KUNNR": key,
        "NAME1": name,
        "MCOD1": name.upper()[:25],
        "STCD5": code,
        "TELF1": phone,
        "STRAS": street,
        "ORT01": city,
        "PSTLZ": postcode,
        **SALES_AREA,
        **further,
    }
