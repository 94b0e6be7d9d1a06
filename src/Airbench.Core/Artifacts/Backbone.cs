using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>The network that a model started from, and what is left of it in <c>backbone.onnx</c>: float32 [N,3,S,S] RGB, 0 to 255, to features [N,F].</summary>
/// <param name="Name">A name that the product knows, such as resnet18, or that of a file.</param>
/// <param name="Origin">Where it comes from, in words.</param>
/// <param name="License">SPDX expression of its licence; null where it is not known.</param>
/// <param name="SourceSha256">SHA-256 of the file that was read.</param>
/// <param name="Sha256">SHA-256 of <c>backbone.onnx</c>.</param>
/// <param name="Opset">ONNX operator-set version of <c>backbone.onnx</c>.</param>
/// <param name="Parameters">Numbers in its weights.</param>
/// <param name="LastBlock">The value of <c>backbone.onnx</c> behind which its last block begins; null where there is none.</param>
/// <param name="Notes">What was done to it.</param>
public sealed record Backbone(
    string Name, string Origin, string? License, string SourceSha256, string Sha256, [property: Range(1, 1000)] int Opset,
    [property: Range(0, long.MaxValue)] long Parameters,
    string? LastBlock, IReadOnlyList<string> Notes);
