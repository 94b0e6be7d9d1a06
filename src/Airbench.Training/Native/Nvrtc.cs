using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;

namespace Airbench.Training;

/// <summary>NVIDIA's run-time compiler for CUDA C++, which comes with every PyTorch for CUDA.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class Nvrtc
{
    private static readonly Lazy<(nint Library, string Path)> Loaded = new(Find);

    /// <summary>Whether there is one.</summary>
    public static bool IsAvailable => Loaded.Value.Library != 0;

    /// <summary>Its file, for people.</summary>
    public static string Path => Loaded.Value.Path;

    /// <summary>Machine code where <paramref name="architecture"/> is a real one (sm_90), zero-terminated PTX for a virtual one (compute_90).</summary>
    /// <exception cref="DeviceException">There is no compiler, or it does not take the text; the message has its first lines.</exception>
    public static byte[] Compile(string text, string architecture, params string[] options)
    {
        if (!IsAvailable)
        {
            throw new DeviceException($"no libnvrtc.so.* beside {TorchRuntime.Load().Folder} or in its nvidia packages");
        }
        var isPtx = architecture.StartsWith("compute_", StringComparison.Ordinal);
        nint program;
        Check("create", ((delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Function("nvrtcCreateProgram"))(
            &program, Bytes(text), Bytes("kernels.cu"), 0, null, null));
        string[] all = [$"--gpu-architecture={architecture}", "--std=c++17", .. options];
        var arguments = stackalloc byte*[all.Length];
        for (var i = 0; i < all.Length; i++)
        {
            arguments[i] = Bytes(all[i]);
        }
        var result = ((delegate* unmanaged<nint, int, byte**, int>)Function("nvrtcCompileProgram"))(program, all.Length, arguments);
        if (result != 0)
        {
            var log = Encoding.UTF8.GetString(Read(program, "nvrtcGetProgramLog")).TrimEnd('\0', '\n');
            throw new DeviceException($"{Path} does not compile the kernels for {architecture} (error {result}): {string.Join('\n', log.Split('\n').Take(12))}");
        }
        var code = Read(program, isPtx ? "nvrtcGetPTX" : "nvrtcGetCUBIN");
        ((delegate* unmanaged<nint*, int>)Function("nvrtcDestroyProgram"))(&program);
        return code;

        // The texts live as long as the process: a few, and small.
        static byte* Bytes(string text) => (byte*)Marshal.StringToCoTaskMemUTF8(text);
    }

    private static byte[] Read(nint program, string function)
    {
        nint length;
        Check(function, ((delegate* unmanaged<nint, nint*, int>)Function(function + "Size"))(program, &length));
        var bytes = new byte[length];
        fixed (byte* start = bytes)
        {
            Check(function, ((delegate* unmanaged<nint, byte*, int>)Function(function))(program, start));
        }
        return bytes;
    }

    private static void Check(string what, int result)
    {
        if (result != 0)
        {
            throw new DeviceException($"{Path}: {what} answers error {result}");
        }
    }

    private static nint Function(string name) => NativeLibrary.GetExport(Loaded.Value.Library, name);

    /// <summary>In libtorch's folder, in the packages beside PyTorch, and wherever the loader looks.</summary>
    private static (nint Library, string Path) Find()
    {
        var folder = TorchRuntime.Load().Folder;
        string[] folders = [folder, .. CudaLibraries.Packages(folder)];
        var files = folders.SelectMany(name => Directory.EnumerateFiles(name, "libnvrtc*.so*"))
            .Where(file => FileName().IsMatch(System.IO.Path.GetFileName(file)));
        foreach (var file in (string[])[.. files, "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"])
        {
            if (NativeLibrary.TryLoad(file, out var library))
            {
                return (library, file);
            }
        }
        return default;
    }

    [GeneratedRegex(@"^libnvrtc(-[0-9a-f]+)?\.so(\.\d+)*$")]
    private static partial Regex FileName();
}
