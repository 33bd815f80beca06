"""What the company sells, where, and in which mailings: plain constants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """An article; ``price`` is the list price in whole kroner."""

    sku: str
    name: str
    category: str
    price: int


_RANGE = (
    ("Textiles", ("Linen cloth", "Wool blanket", "Cushion cover", "Tea towel", "Curtain", "Rug")),
    ("Kitchen", ("Mug", "Bread board", "Carafe", "Bowl", "Kettle", "Salt cellar")),
    ("Light", ("Table lamp", "Candle", "Lantern", "Pendant", "Bulb", "Night light")),
    ("Garden", ("Watering can", "Herb pot", "Seed box", "Bench", "Bird house", "Gloves")),
)

PRODUCTS: tuple[Product, ...] = tuple(
    # Article numbers keep their leading zeros: 00110 and 110 would be two articles.
    Product(f"{(row + 1) * 100 + column * 10:05d}", name, category, 89 + 110 * row + 70 * column)
    for row, (category, names) in enumerate(_RANGE)
    for column, name in enumerate(names)
)
VARIANTS = ("natural", "blue / L", 'small 8"', "oak, oiled")

STORES = ("OSL-01", "BGO-02", "TRD-03")

LINKS = (
    "https://shop.example.com/p/{sku}?utm_source=newsletter&utm_medium=email&utm_campaign={campaign}&ect={token}",
    "https://shop.example.com/c/garden?utm_source=newsletter&utm_medium=email&utm_campaign={campaign}&ect={token}",
    "https://shop.example.com/blog/care-guide?utm_source=newsletter&utm_medium=email&utm_campaign={campaign}&ect={token}",
    "https://shop.example.com/unsubscribe?ect={token}",
)
UNSUBSCRIBE_LINK = 3

GIVEN_NAMES = (
    "Anna",
    "Bjorn",
    "Camilla",
    "David",
    "Eva",
    "Frode",
    "Grete",
    "Hans",
    "Ida",
    "Jonas",
    "Kari",
    "Lars",
    "Mari",
    "Nils",
    "Olga",
    "Per",
    "Randi",
    "Siri",
    "Tor",
    "Unni",
    "Vegard",
    "Wenche",
    "Yngve",
    "Astrid",
    "Budi",
    "Dewi",
    "Agus",
    "Siti",
    "Putri",
    "Eko",
)
FAMILY_NAMES = (
    "Testesen",
    "Proveland",
    "Eksempelvik",
    "Mockstad",
    "Dummyrud",
    "Fiktiv",
    "Papirdal",
    "Skissebakk",
    "Modellund",
    "Utkast",
    "Kladdeby",
    "Syntesen",
    "Contohwati",
    "Ujicoba",
)
