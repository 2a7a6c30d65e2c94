from setuptools import setup

setup(
    name="example-greeting",
    version="1.0",
    py_modules=["greeting"],
    install_requires=["dtool-lookup-server"],
    entry_points={"dtool_lookup_server.blueprints": ["greeting = greeting:bp"]},
)
