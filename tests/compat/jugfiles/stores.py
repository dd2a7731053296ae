"""The stores behind jug's own interface, asked directly."""
# run: @python try_stores.py
# script: try_stores.py
