using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>The activations of our kernels on a CPU, in both widths of vector, beside libtorch's in float64.</summary>
public sealed class ActivationsTests
{
    [Theory]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Relu)]
    public void Equal_float64_and_are_as_near_to_it_as_libtorchs_fp32(Activation activation)
    {
        using var scope = NewDisposeScope();
        var z = linspace(-10, 10, 16 * 4001, ScalarType.Float32);
        var (expected, expectedSlopes) = Libtorchs(activation, z.to(ScalarType.Float64));
        var (theirs, theirSlopes) = Libtorchs(activation, z);
        foreach (var (ours, ourSlopes) in Ours(activation, z))
        {
            Near(expected, theirs, ours, expected.abs().max().item<double>());
            Near(expectedSlopes, theirSlopes, ourSlopes, 1);
        }

        // Up to 1e-7 of the largest value more than libtorch's: half of a unit in its last place.
        static void Near(Tensor expected, Tensor theirs, Tensor ours, double largest)
        {
            var (limit, error) = (Error(theirs) + (1e-7 * largest), Error(ours));
            Assert.True(error <= limit, $"{error}, libtorch's {Error(theirs)}");

            double Error(Tensor found) => (found.to(ScalarType.Float64) - expected).abs().max().item<double>();
        }
    }

    [Theory]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Relu)]
    public void Far_from_zero_they_are_the_identity_and_nothing(Activation activation)
    {
        using var scope = NewDisposeScope();
        var z = tensor([.. Enumerable.Repeat(-1e9f, 8), .. Enumerable.Repeat(1e9f, 8)]);
        foreach (var (y, slopes) in Ours(activation, z))
        {
            // 2^-125, the least power that AVX2 gives, times z.
            Assert.Equal(0, (y - F.relu(z)).abs().max().item<float>(), 1e-27f);
            Assert.Equal(0, (slopes - (z > 0).to(ScalarType.Float32)).abs().max().item<float>(), 1e-27f);
        }
    }

    [Theory]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Relu)]
    public void What_is_no_number_comes_through(Activation activation)
    {
        using var scope = NewDisposeScope();
        foreach (var (y, _) in Ours(activation, full([16], float.NaN)))
        {
            Assert.True(y.isnan().all().item<bool>());
        }
    }

    private static (Tensor Y, Tensor Slopes) Libtorchs(Activation activation, Tensor z)
    {
        var leaf = z.clone().requires_grad_();
        var y = activation switch { Activation.Gelu => F.gelu(leaf), Activation.Silu => F.silu(leaf), _ => F.relu(leaf) };
        return (y.detach(), autograd.grad([y], [leaf], [ones_like(y)])[0]);
    }

    /// <summary>In each width that this machine has.</summary>
    private static List<(Tensor Y, Tensor Slopes)> Ours(Activation activation, Tensor z)
    {
        Assert.SkipUnless(Simd256.IsSupported, "needs AVX2");
        var numbers = z.data<float>().ToArray();
        return activation switch
        {
            Activation.Gelu => Of<Weighted<Normal>>(numbers),
            Activation.Silu => Of<Weighted<Logistic>>(numbers),
            _ => Of<Relu>(numbers),
        };
    }

    private static List<(Tensor Y, Tensor Slopes)> Of<TActivation>(float[] z)
        where TActivation : struct, IActivation
    {
        var found = new List<(Tensor, Tensor)> { In<TActivation, Simd256, Vector256<float>>(z) };
        if (Simd512.IsSupported)
        {
            found.Add(In<TActivation, Simd512, Vector512<float>>(z));
        }
        return found;
    }

    private static unsafe (Tensor Y, Tensor Slopes) In<TActivation, TSimd, TVector>(float[] z)
        where TActivation : struct, IActivation
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var (y, slopes) = (new float[z.Length], new float[z.Length]);
        fixed (float* zs = z, ys = y, ss = slopes)
        {
            for (var i = 0; i < z.Length; i += TSimd.Lanes)
            {
                TSimd.Store(ys + i, TActivation.Of<TSimd, TVector>(TSimd.Load(zs + i)));
                TSimd.Store(ss + i, TActivation.Slope<TSimd, TVector>(TSimd.Load(zs + i)));
            }
        }
        return (tensor(y), tensor(slopes));
    }
}
