using Airbench.Training;

namespace Airbench.Tests;

public sealed class CudnnTuningTests
{
    /// <summary>The flag lives in libtorch with and without CUDA, and the names of the functions are the same.</summary>
    [Fact]
    public void Cudnn_autotuning_reads_back_as_it_was_set()
    {
        Assert.SkipUnless(CudnnTuning.IsReachable, "the functions have these names on Linux alone");
        var before = CudnnTuning.Enabled;
        try
        {
            foreach (var value in (bool[])[true, false, true])
            {
                CudnnTuning.Enabled = value;
                Assert.Equal(value, CudnnTuning.Enabled);
            }
        }
        finally
        {
            CudnnTuning.Enabled = before;
        }
    }

    [Fact]
    public void A_device_without_driver_or_number_has_no_name() => Assert.Null(CudaDriver.NameOf(1_000_000));
}
