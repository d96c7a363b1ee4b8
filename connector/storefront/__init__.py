"""The storefront gateway: WooCommerce's REST interface."""
