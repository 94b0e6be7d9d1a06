namespace Airbench.Adaptation;

internal static class Experiment
{
    public static void Run(string data, string work, int epochs, int[] perClass, int testPerClass) => throw new NotSupportedException($"{data} {work} {epochs} {perClass} {testPerClass}");
}
