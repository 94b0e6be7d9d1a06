using System.Runtime.CompilerServices;

// libtorch already takes every core; tests side by side would only fight for them, and one counts live tensors.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: AssemblyFixture(typeof(Airbench.Tests.LoadedLibtorch))]

namespace Airbench.Tests;

/// <summary>Libtorch is there before the first test, whichever that is.</summary>
public sealed class LoadedLibtorch
{
    public LoadedLibtorch() => TorchRuntime.Load();

    [ModuleInitializer]
    internal static void BeforeAnyTest()
    {
        NativeEnvironment.LetThreadsSleep();
        NativeEnvironment.AvoidWrongConvolutions();
    }
}
