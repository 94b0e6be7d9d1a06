using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>The kernels on the CPU, slowly: g++ compiles the same text behind a few lines that stand for the GPU.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class HostModule : KernelLibrary
{
    private static readonly object Turn = new();
    private readonly nint _library;

    /// <summary>Compiles; a few seconds.</summary>
    /// <exception cref="DeviceException">There is no g++, or it does not take the text.</exception>
    public HostModule(bool isHalf)
    {
        var folder = Directory.CreateTempSubdirectory("airbench-kernels-").FullName;
        try
        {
            var library = Path.Combine(folder, "kernels.so");
            string[] arguments = ["-x", "c++", "-std=c++17", "-O2", "-w", "-DHOST", .. isHalf ? ["-DF16"] : (string[])[], "-shared", "-fPIC", "-o", library, "-"];
            using var compiler = Start(arguments);
            compiler.StandardInput.Write(Resource("host.h") + Text + Resource("host.cpp"));
            compiler.StandardInput.Close();
            var errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            _library = compiler.ExitCode == 0 ? NativeLibrary.Load(library) : throw new DeviceException($"g++ does not compile the kernels: {errors}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public override int Processors => 2;

    public override void Launch(string kernel, int slices, int blocks, int threads, void** arguments)
    {
        lock (Turn)   // the fibers are one set
        {
            ((delegate* unmanaged<int, int, int, void**, void>)NativeLibrary.GetExport(_library, $"launch_{kernel}"))(slices, blocks, threads, arguments);
        }
    }

    private static Process Start(string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("g++", arguments) { RedirectStandardInput = true, RedirectStandardError = true })!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new DeviceException($"no g++ to compile the kernels for the CPU: {e.Message}", e);
        }
    }
}
