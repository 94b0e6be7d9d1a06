using System.Collections.Frozen;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>The operators that can be differentiated, each with its rule.</summary>
internal static class Rules
{
    private static readonly FrozenDictionary<string, Rule> All = Activations.Rules
        .Concat(Arithmetic.Rules).Concat(Reshapings.Rules).Concat(Selections.Rules).Concat(Reductions.Rules).Concat(Products.Rules)
        .Concat(Convolutions.Rules).Concat(Pools.Rules).Concat(Normalizations.Rules)
        .ToFrozenDictionary(rule => rule.Op, rule => rule.Rule);

    /// <summary>Names of the operators.</summary>
    public static IEnumerable<string> Operators => All.Keys;

    /// <summary>The rule for a node; null where there is none that holds.</summary>
    /// <param name="node">The node.</param>
    /// <param name="missing">Why there is none.</param>
    public static Rule? For(SourceNode node, out NoGradient? missing)
    {
        var reason = Refuse(node, out var rule);
        missing = reason is null ? null : new NoGradient(node.Node, reason);
        return reason is null ? rule : null;
    }

    private static string? Refuse(SourceNode node, out Rule? rule)
    {
        rule = null;
        if (node.Node.Domain is not ("" or "ai.onnx"))
        {
            return $"there is no rule for operators of the domain {node.Node.Domain}";
        }
        if (!All.TryGetValue(node.Node.OpType, out rule))
        {
            return "there is no rule for this operator";
        }
        if (node.Unknown is { } value)
        {
            return $"the shape of '{value}' is not known: it does not grow evenly with the batch";
        }
        var types = Enumerable.Range(0, node.Node.Input.Count).Where(node.IsFloat).Select(input => node.In(input).Type);
        return node.Node.OpType != "Cast" && types.Any(type => type != DataType.Float) ? $"it computes in {types.First(type => type != DataType.Float).ToString().ToLowerInvariant()}; the rules are for float32"
            : rule.Refuses(node);
    }
}
