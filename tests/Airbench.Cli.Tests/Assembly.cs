using System.Runtime.CompilerServices;

// Each test starts training processes of its own, which take every core.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]

namespace Airbench.Tests;

internal static class BeforeAnyTest
{
    [ModuleInitializer]
    internal static void Initialize()
    {
        NativeEnvironment.LetThreadsSleep();
        NativeEnvironment.KeepCacheBesideTests();
    }
}
