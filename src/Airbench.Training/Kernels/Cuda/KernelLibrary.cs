namespace Airbench.Training;

/// <summary>The kernels of kernels.cu, built: for a GPU (<see cref="CudaModule"/>), or for the CPU, to test them (<see cref="HostModule"/>).</summary>
internal abstract unsafe class KernelLibrary
{
    /// <summary>The text that all are built from.</summary>
    public static string Text => Resource("kernels.cu");

    /// <summary>How many blocks are worth it is a multiple of this.</summary>
    public abstract int Processors { get; }

    /// <summary>Starts a kernel.</summary>
    /// <param name="kernel">Its name.</param>
    /// <param name="slices">Of the channels: the grid's x.</param>
    /// <param name="blocks">The grid's y.</param>
    /// <param name="threads">In a block.</param>
    /// <param name="arguments">Address of each.</param>
    public abstract void Launch(string kernel, int slices, int blocks, int threads, void** arguments);

    protected static string Resource(string name)
    {
        using var stream = typeof(KernelLibrary).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
