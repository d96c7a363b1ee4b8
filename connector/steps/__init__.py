"""The steps an order walks, and the one way in which anything is sent out."""
