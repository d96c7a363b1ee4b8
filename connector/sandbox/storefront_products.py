"""The products of the sandbox's shop, and the variations of which a product may consist.

A variation without a part number of its own shows its parent's, also on the lines of orders.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from connector.sandbox.books import Books, Document
from connector.sandbox.storefront_answers import Refused, body_of, page_of
from connector.sandbox.storefront_query import Query
from connector.sandbox.storefront_shown import FORMER_SKU, PRODUCT, VARIATION, part_of_variation
from connector.sandbox.web import Request, Response

_VARIATION = r"/products/([^/]+)/variations/([^/]+)"


class Products:
    """The routes of products. `next_id` gives the number of a new one."""

    def __init__(self, books: Books, next_id: Callable[[], int]) -> None:
        self._books = books
        self._next_id = next_id
        self.routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("GET", "/products", self._list),
            ("POST", "/products", self._create),
            ("POST", "/products/batch", self._batch),
            ("GET", r"/products/([^/]+)", self._get),
            ("PUT", r"/products/([^/]+)", self._update),
            ("DELETE", r"/products/([^/]+)", self._delete),
            ("GET", _VARIATION, self._get_variation),
            ("PUT", _VARIATION, self._update_variation),
        )

    def _list(self, request: Request) -> Response:
        query = Query.of({**request.query, "status": "any"})
        products = self._books.all(PRODUCT)
        if request.query.get("sku"):
            wanted = set(request.query["sku"].split(","))
            products = [each for each in products if each.get("sku") in wanted]
        return page_of(request, query, query.sliced(products), len(products))

    def _get(self, _request: Request, key: str) -> tuple[int, Document]:
        product = self._books.get(PRODUCT, key)
        if product is None:
            raise Refused(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return 200, product

    def _create(self, request: Request) -> tuple[int, Document]:
        body = body_of(request)
        if body.get("sku") and any(
            each.get("sku") == body["sku"] for each in self._books.all(PRODUCT)
        ):
            raise Refused(400, "product_invalid_sku", "Invalid or duplicated SKU.")
        number = self._next_id()
        product = {"status": "publish", **body, "id": number}
        self._books.put(PRODUCT, str(number), product)
        return 201, product

    def _update(self, request: Request, key: str) -> tuple[int, Document]:
        held = self._get(request, key)[1]
        product = {**held, **body_of(request)}
        self._books.put(PRODUCT, key, product)
        self._renamed(key, str(held.get("sku", "")), str(product.get("sku", "")))
        return 200, product

    def _delete(self, request: Request, key: str) -> tuple[int, Document]:
        product = self._get(request, key)[1]
        self._books.delete(PRODUCT, key)
        self._renamed(key, str(product.get("sku", "")), "")
        return 200, product

    def _get_variation(self, _request: Request, product: str, key: str) -> tuple[int, Document]:
        variation = self._variation(product, key)
        return 200, {**variation, "sku": part_of_variation(self._books, variation)}

    def _update_variation(self, request: Request, product: str, key: str) -> tuple[int, Document]:
        variation = {**self._variation(product, key), **body_of(request)}
        self._books.put(VARIATION, key, variation)
        return self._get_variation(request, product, key)

    def _variation(self, product: str, key: str) -> Document:
        found = self._books.get(VARIATION, key)
        if found is None or str(found["parent_id"]) != product:
            raise Refused(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
        return found

    def _renamed(self, product: str, was: str, now: str) -> None:
        """Have the lines of orders sold before show what their product is called now."""
        if was == now:
            return
        for key, former in self._books.items(FORMER_SKU):
            if former["product"] == product:
                self._books.put(FORMER_SKU, key, {**former, "sku": now})
        self._books.delete(FORMER_SKU, f"{product}/{now}")
        self._books.put(FORMER_SKU, f"{product}/{was}", {"product": product, "sku": now})

    def _batch(self, request: Request) -> tuple[int, Document]:
        body = body_of(request)
        answer: Document = {"create": [], "update": []}
        for each in body.get("create") or []:
            answer["create"].append(self._tried(self._create, each))
        for each in body.get("update") or []:
            key = str(each.get("id"))
            answer["update"].append(self._tried(self._updating(key), each))
        return 200, answer

    def _updating(self, key: str) -> Callable[[Request], tuple[int, Document]]:
        return lambda request: self._update(request, key)

    def _tried(self, act: Callable[[Request], tuple[int, Document]], body: Any) -> Document:
        request = Request("POST", "", {}, None, json.dumps(body).encode())  # type: ignore[arg-type]
        try:
            return act(request)[1]
        except Refused as error:
            said = {"code": error.code, "message": error.message, "data": {"status": error.status}}
            return {"id": body.get("id", 0), "error": said}
