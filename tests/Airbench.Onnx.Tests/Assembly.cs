using System.Runtime.CompilerServices;

namespace Airbench.Tests;

internal static class BeforeAnyTest
{
    [ModuleInitializer]
    internal static void Initialize()
    {
        NativeEnvironment.LetThreadsSleep();
        NativeEnvironment.AvoidWrongConvolutions();
        NativeEnvironment.KeepCacheBesideTests();
    }
}
