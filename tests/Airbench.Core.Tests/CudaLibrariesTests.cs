using System.Runtime.InteropServices;

namespace Airbench.Tests;

public sealed class CudaLibrariesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void They_are_loaded_from_the_folders_of_an_installed_pytorch_and_each_missing_one_is_named()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems load libraries by other rules");
        File.CreateSymbolicLink(_folder.File("libreal.so.13"), Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so"));
        File.WriteAllText(_folder.File("libbroken.so.13"), "no library");

        var libraries = CudaLibraries.Load(["libreal.so.13", "libbroken.so.13", "libmissing.so.13"], [_folder.Path]);

        Assert.Equal([_folder.File("libreal.so.13"), null, null], libraries.Select(library => library.Path));
        Assert.Contains("libbroken.so.13", libraries[1].Problem, StringComparison.Ordinal);
        Assert.Equal("not found", libraries[2].Problem);
    }

    [Theory]
    [InlineData(13000, "13.0")]
    [InlineData(12080, "12.8")]
    public void Versions_of_CUDA_are_read_as_CUDA_writes_them(long number, string version) => Assert.Equal(version, CudaLibraries.CudaVersion(number));

    [Theory]
    [InlineData(91300, "9.13.0")]
    [InlineData(91002, "9.10.2")]
    public void Versions_of_cuDNN_are_read_as_cuDNN_writes_them(long number, string version) => Assert.Equal(version, CudaLibraries.CudnnVersion(number));
}
