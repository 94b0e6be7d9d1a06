namespace Airbench.Onnx;

/// <summary>What an ONNX file is and what can be done with it: what <c>airbench inspect</c> prints.</summary>
/// <param name="File">As it was named.</param>
/// <param name="Bytes">Of the file and of those beside it that hold its tensors.</param>
/// <param name="Producer">Program that wrote it; empty where the file does not say.</param>
/// <param name="IrVersion">Version of the file format.</param>
/// <param name="Opset">Version of the standard operators.</param>
/// <param name="Inputs">What it takes.</param>
/// <param name="Outputs">What it gives.</param>
/// <param name="Operators">Operators with how often each stands there, the most frequent first.</param>
/// <param name="Parameters">Elements of the constants that are real numbers.</param>
/// <param name="MultiplyAdds">Of convolutions and products for one image; null where it does not run on images.</param>
/// <param name="ImageSize">Height and width of that image.</param>
/// <param name="Head">Its last linear layer.</param>
/// <param name="Features">What that layer reads for an image: numbers.</param>
/// <param name="Pixels">What is known of its preprocessing.</param>
/// <param name="LastBlock">Where its last block begins, and the share of the multiply-adds behind.</param>
/// <param name="Uses">What can be done with it, or why not.</param>
/// <param name="Notes">What was done to it on import.</param>
public sealed record ModelReport(
    string File, long Bytes, string Producer, long IrVersion, long Opset, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs,
    IReadOnlyList<OperatorCount> Operators, long Parameters, long? MultiplyAdds, int? ImageSize, string? Head, int? Features, string Pixels,
    string? LastBlock, IReadOnlyList<ModelUse> Uses, IReadOnlyList<string> Notes);

/// <summary>How often an operator stands in a file.</summary>
public sealed record OperatorCount(string Operator, int Count);

/// <summary>Something that can be done with a model.</summary>
/// <param name="Name">Evaluate, quantize, or adapt with what is trained.</param>
/// <param name="IsPossible">Whether it can.</param>
/// <param name="Remark">How, or why not.</param>
public sealed record ModelUse(string Name, bool IsPossible, string Remark);
