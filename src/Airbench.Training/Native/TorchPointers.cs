using TorchSharp;

namespace Airbench.Training;

/// <summary>Addresses of tensors on any device, through libtorch's stable C interface; TorchSharp's own are for the CPU.</summary>
internal static unsafe class TorchPointers
{
    private static readonly delegate* unmanaged<nint, void**, int> DataPointer =
        (delegate* unmanaged<nint, void**, int>)Function("torch_cpu", "aoti_torch_get_data_ptr");

    /// <summary>Its first number. The caller keeps the tensor alive for as long as the address is used.</summary>
    public static nint Of(torch.Tensor tensor)
    {
        void* data;
        return DataPointer(tensor.Handle, &data) == 0 ? (nint)data : throw new DeviceException("libtorch does not give a tensor's address");
    }

    /// <summary>The first number of an fp32 tensor on the CPU, kept alive likewise.</summary>
    public static float* Floats(torch.Tensor tensor) => (float*)Of(tensor);

    /// <summary>A C function of one of libtorch's libraries.</summary>
    /// <exception cref="DeviceException">This libtorch does not have it.</exception>
    public static nint Function(string library, string name) => TorchRuntime.FindExport(name, library)
        ?? throw new DeviceException($"{Path.Combine(TorchRuntime.Load().Folder, NativeLibraryFile.NameOf(library))} has no function {name}; expected libtorch 2.10 or 2.11");
}
