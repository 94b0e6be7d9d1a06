using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>How an operator is differentiated.</summary>
/// <param name="Write">Writes the forward pass, and gives what writes the backward pass.</param>
internal sealed record Rule(Func<RuleScope, Backward> Write)
{
    /// <summary>Inputs that a gradient goes to, by index; null where it goes to all that are floating-point numbers.</summary>
    public IReadOnlyList<int>? Inputs { get; init; }

    /// <summary>Why the rule does not hold for a node, as the end of a sentence; null where it does.</summary>
    public Func<SourceNode, string?> Refuses { get; init; } = _ => null;

    /// <summary>Whether a gradient goes to an input.</summary>
    public bool Reaches(SourceNode facts, int input) => facts.IsFloat(input) && (Inputs?.Contains(input) ?? true);
}

/// <summary>A node that no gradient can go through, and why.</summary>
/// <param name="Node">The node.</param>
/// <param name="Reason">What is missing, as a clause: "there is no rule for ...".</param>
internal sealed record NoGradient(NodeProto Node, string Reason)
{
    /// <summary>Names the operator, the node and the reason.</summary>
    public override string ToString() =>
        $"{Node.OpType} '{(Node.Name.Length > 0 ? Node.Name : Node.Output.FirstOrDefault(output => output.Length > 0) ?? "")}': {Reason}";
}

/// <summary>How a batch norm uses the statistics of the batch.</summary>
/// <param name="Tensors">Running means and variances of the norms that do.</param>
/// <param name="Momentum">Share of the batch in the running statistics after it, 0 to 1 (PyTorch's convention).</param>
/// <param name="Next">Receives the running statistics after the batch by the name of the tensor.</param>
internal sealed record MovingStatistics(IReadOnlySet<string> Tensors, double Momentum, Dictionary<string, string> Next);
