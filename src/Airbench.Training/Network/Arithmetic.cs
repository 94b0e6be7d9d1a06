using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// A tensor and a number. TorchSharp's own operators wrap the number in a <see cref="Scalar"/> that nothing refers to any more once its
/// handle is on the stack, so the garbage collector may free it while the native code has yet to read it ("Expected false to be true"
/// in Scalar::toDouble, rarely, and worse things silently). Here the number lives until the call is back.
/// </summary>
/// <remarks>A test reads the assembly's code and finds every call that would make such a number.</remarks>
internal static class Arithmetic
{
    private static readonly Scalar One = 1;

    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    public static Tensor Plus(this Tensor x, double y) => With(y, number => x.add(number, One));

    public static Tensor Plus(this Tensor x, long y) => With(y, number => x.add(number, One));

    public static Tensor Times(this Tensor x, double y) => With(y, number => x.mul(number));

    public static Tensor Times(this Tensor x, long y) => With(y, number => x.mul(number));

    public static Tensor Over(this Tensor x, double y) => With(y, number => x.div(number));

    /// <summary>x += y, in place.</summary>
    public static Tensor Accumulate(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>x += factor * y, in place.</summary>
    public static Tensor Accumulate(this Tensor x, Tensor y, double factor) => With(factor, number => x.add_(y, number));

    /// <summary>x *= y, in place.</summary>
    public static Tensor Scale(this Tensor x, double y) => With(y, number => x.mul_(number));

    /// <summary>bool: x &lt; y.</summary>
    public static Tensor IsBelow(this Tensor x, double y) => With(y, number => x.lt(number));

    /// <summary>x with the negative numbers replaced by 0.</summary>
    public static Tensor AtLeastZero(this Tensor x) => With(0, number => x.clamp_min(number));

    /// <summary>x with 0 where <paramref name="mask"/> (bool, broadcast) is true.</summary>
    public static Tensor ZeroWhere(this Tensor x, Tensor mask) => With(0, number => x.masked_fill(mask, number));

    /// <summary>What <paramref name="operation"/> makes with a number that lives until it is back.</summary>
    private static Tensor With(double value, Func<Scalar, Tensor> operation)
    {
        using Scalar number = value;
        return operation(number);
    }

    private static Tensor With(long value, Func<Scalar, Tensor> operation)
    {
        using Scalar number = value;
        return operation(number);
    }
}
