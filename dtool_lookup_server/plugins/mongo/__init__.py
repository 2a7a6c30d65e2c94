"""The built-in plugins for MongoDB.

pymongo is imported only where one of them is chosen: nothing is imported here.
"""
