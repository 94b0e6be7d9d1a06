"""Writes resize17.onnx and resize18.onnx: the operator Resize alone, [1,3,H,W] to [1,3,S,S], without and with antialiasing.

python3 resize_models.py FOLDER [S]      (Debian: apt install python3-onnx)
"""

import os
import sys

import onnx
from onnx import TensorProto, helper


def write(path, opset, size, **attributes):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", coordinate_transformation_mode="half_pixel", **attributes)
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("x", [1, 3, "H", "W"]), ("y", [1, 3, size, size]))
    ]
    graph = helper.make_graph([node], "resize", *ends, [helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 3, size, size])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, path)


if __name__ == "__main__":
    folder = sys.argv[1]
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    write(os.path.join(folder, "resize17.onnx"), 17, side)
    write(os.path.join(folder, "resize18.onnx"), 18, side, antialias=1)
