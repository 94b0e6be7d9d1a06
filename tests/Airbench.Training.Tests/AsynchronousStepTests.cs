using System.Text.RegularExpressions;
using Airbench.Training;

namespace Airbench.Tests;

/// <summary>
/// A GPU works off a queue of kernels; whatever in a step reads a number back makes the host wait until the queue is empty, and then the GPU
/// for the host. That nothing does is read from the code: no method that a step may reach calls what would wait.
/// </summary>
public sealed partial class AsynchronousStepTests
{
    /// <summary>On the CPU alone: <c>CpuKernel.For</c> decides.</summary>
    private static readonly string[] CpuKernels = ["NormActivation", "NormActivationKernel", "MaxPool", "WeightGradient"];

    [Fact]
    public void No_step_waits_for_the_device()
    {
        var calls = HeldNumbersTests.Calls(typeof(Trainer).Assembly.Location);
        var reached = Reach(calls, "Learner.Step(", "NetworkOptimizer.Step(", "Network.Forward(");
        Assert.Contains(reached, method => method.StartsWith("MuonOptimizer.Step(", StringComparison.Ordinal));
        Assert.Contains(reached, method => method.StartsWith("EpochSampler.Batch(", StringComparison.Ordinal));
        Assert.Contains(reached, method => method.StartsWith("NewtonSchulz.Iterate(", StringComparison.Ordinal));   // called within lambda functions
        Assert.Empty(calls.Where(call => reached.Contains(call.Caller) && Waits().IsMatch(call.Callee)).Select(call => $"{call.Caller} calls {call.Callee}"));
        Assert.Contains(calls, call => call.Caller.StartsWith("EpochMeter.", StringComparison.Ordinal) && Waits().IsMatch(call.Callee));   // it would be found
    }

    private static HashSet<string> Reach(List<HeldNumbersTests.Call> calls, params string[] roots)
    {
        var reached = calls.Select(call => call.Caller).Where(caller => Array.Exists(roots, root => caller.StartsWith(root, StringComparison.Ordinal))).ToHashSet();
        var byCaller = calls.ToLookup(call => call.Caller, call => call.Callee);
        var open = new Queue<string>(reached);
        while (open.TryDequeue(out var method))
        {
            foreach (var callee in byCaller[method])
            {
                if (byCaller.Contains(callee) && !CpuKernels.Contains(callee.Split('.')[0]) && reached.Add(callee))
                {
                    open.Enqueue(callee);
                }
            }
        }
        return reached;
    }

    /// <summary>What copies to the host, or has a result whose shape depends on numbers.</summary>
    [GeneratedRegex(@"^(Tensor|TensorExtensionMethods)\.(item|To(Single|Double|Int32|Int64|Boolean|Scalar)|op_Explicit|cpu|data|get_bytes|get_data|nonzero|masked_select|unique|ToArray)\(|synchronize\(")]
    private static partial Regex Waits();
}
