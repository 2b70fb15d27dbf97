"""Tells all that HDF5 knows of closed files, object by object, as JSON: a list of one description for each.

Usage: describeFiles.py [--change] <file>…: with --change each is opened for writing first, and each group gets an attribute and a
dataset more, as a tool does that adds what it has found.
"""

import json
import sys

import h5py


def typed(kind):
    return kind.encode().hex()


def space(of):
    return [of.get_simple_extent_type(), of.get_simple_extent_dims(), of.get_simple_extent_dims(True)]


def text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def attribute(of, name):
    found = h5py.h5a.open(of.id, name.encode())
    return {
        "type": typed(found.get_type()),
        "space": space(found.get_space()),
        "cset": h5py.h5a.get_info(found).cset,
        "value": plain(of.attrs[name]),
    }


def plain(value):
    value = value.tolist() if hasattr(value, "tolist") else value
    return [text(one) for one in value] if isinstance(value, list) else text(value)


# Messages that depend on how much else a header holds: nothing, a link, an attribute, the rest of it elsewhere.
UNSTEADY = 1 << 0x00 | 1 << 0x06 | 1 << 0x0C | 1 << 0x10
SIZE_FLAGS = 0x03


def header(of):
    info = h5py.h5o.get_info(of.id)
    return {
        "references": info.rc,
        "version": info.hdr.version,
        "flags": info.hdr.flags & ~SIZE_FLAGS,
        "messages": info.hdr.mesg.present & ~UNSTEADY,
        "shared": info.hdr.mesg.shared,
    }


def group(of):
    properties = of.id.get_create_plist()
    links = {}
    for name in of:
        link = of.get(name, getlink=True)
        known = of.id.links.get_info(name.encode())
        links[name] = {"type": known.type, "cset": known.cset, "ordered": bool(known.corder_valid)}
        if isinstance(link, h5py.SoftLink):
            links[name]["path"] = link.path
        else:
            links[name]["object"] = described(of[name])
    return {
        "kind": "group",
        "order": properties.get_link_creation_order(),
        "attributeOrder": properties.get_attr_creation_order(),
        "times": properties.get_obj_track_times(),
        "links": links,
    }


def dataset(of):
    properties = of.id.get_create_plist()
    layout = properties.get_layout()
    return {
        "kind": "dataset",
        "type": typed(of.id.get_type()),
        "space": space(of.id.get_space()),
        "layout": layout,
        "chunk": properties.get_chunk() if layout == h5py.h5d.CHUNKED else None,
        "filters": [list(properties.get_filter(index))[:3] for index in range(properties.get_nfilters())],
        "fill": [properties.get_fill_time(), properties.fill_value_defined(), properties.get_alloc_time()],
        "attributeOrder": properties.get_attr_creation_order(),
        "times": properties.get_obj_track_times(),
        "stored": of.id.get_storage_size(),
        "value": plain(of[()]) if of.shape == () else None,
    }


def described(of):
    body = group(of) if isinstance(of, h5py.Group) else dataset(of)
    attributes = {name: attribute(of, name) for name in of.attrs}
    return {**body, **header(of), "attributes": attributes}


def change(path):
    with h5py.File(path, "r+") as file:
        groups = [file]
        file.visititems(lambda _, item: groups.append(item) if isinstance(item, h5py.Group) else None)
        for found in groups:
            found.attrs["added"] = "by somebody else"
            found.create_dataset("added", data=range(100), chunks=(10,), maxshape=(None,))


changes = sys.argv[1] == "--change"
result = []
for path in sys.argv[2 if changes else 1 :]:
    if changes:
        change(path)
    with h5py.File(path, "r") as file:
        result.append(described(file))
json.dump(result, sys.stdout)
