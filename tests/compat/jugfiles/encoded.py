"""Values as bytes: the functions that the file store of 2.7.0 is made of."""
# run: @python try_encoding.py
# script: try_encoding.py
