"""Checks a model file with the ONNX project's own tools: python3 check_onnx.py MODEL [TEST_DATA_SET], or --models MODEL...

With a test data set (its folder), also that the files in it are tensors that fit the model's inputs and outputs. The checker with strict, full shape inference; then that every value has a shape, and that the first dimension of every
input and output is open.
"""

import os
import sys

import onnx
from onnx import numpy_helper


def shape_of(value):
    return [d.dim_param or (d.dim_value if d.HasField("dim_value") else "?") for d in value.type.tensor_type.shape.dim]


def check_data(graph, folder):
    """Every input and output has its file, of the same name and type and of a shape that fits."""
    batches = set()
    for kind, values in (("input", graph.input), ("output", graph.output)):
        for i, value in enumerate(values):
            path = os.path.join(folder, f"{kind}_{i}.pb")
            tensor = onnx.TensorProto()
            with open(path, "rb") as file:
                tensor.ParseFromString(file.read())
            array = numpy_helper.to_array(tensor)
            extents = zip(array.shape[1:], shape_of(value)[1:])
            fits = array.ndim == len(shape_of(value)) and all(isinstance(open_or, str) or found == open_or for found, open_or in extents)
            if tensor.name != value.name or tensor.data_type != value.type.tensor_type.elem_type or not fits:
                sys.exit(f"{path}: {tensor.name} {array.dtype} {array.shape} does not fit {value.name} {shape_of(value)}")
            batches.add(array.shape[0])
    if len(batches) != 1 or 0 in batches:
        sys.exit(f"{folder}: batches of {sorted(batches)}; expected one size, not 0")
    print(f"test data: {batches.pop()} images")


def main(path, data=None):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    graph = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph

    ends = [*graph.input, *graph.output]
    fixed = [v.name for v in ends if not isinstance(shape_of(v)[0], str) or shape_of(v)[0] == "?"]
    if fixed:
        sys.exit(f"{path}: the first dimension is not open: {', '.join(fixed)}")
    shaped = {v.name for v in [*graph.value_info, *ends] if "?" not in shape_of(v)}
    shapeless = [name for node in graph.node for name in node.output if name not in shaped]
    if shapeless:
        sys.exit(f"{path}: shape inference found no shape for: {', '.join(shapeless)}")

    if data:
        check_data(graph, data)
    signature = ", ".join(f"{v.name} {shape_of(v)}" for v in ends)
    print(f"onnx {onnx.__version__}: {len(graph.node)} nodes, opset {model.opset_import[0].version}, {signature}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--models"]:
        for argument in sys.argv[2:]:
            main(argument)
        sys.exit()
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: check_onnx.py MODEL [TEST_DATA_SET], or check_onnx.py --models MODEL...")
    main(*sys.argv[1:])
