using System.Runtime.InteropServices;
using Airbench.Pipeline;

namespace Airbench.FaultHost;

/// <summary>What can go wrong in a stage.</summary>
internal enum Fault
{
    None,
    Data,
    Gate,
    InvalidFile,
    Configuration,
    Odd,
    Print,
    Segv,
    Abort,
    Kill,
    Exit,
    Thread,
    Wait,
    Deaf,
    Memory,
    File,
}

/// <summary>Makes it go wrong, in earnest.</summary>
internal static class Faults
{
    public static void Do(Fault fault, StageContext context)
    {
        switch (fault)
        {
            case Fault.Data:
                throw new DataException("no images; expected some");
            case Fault.Gate:
                throw new GateException("found 0.5;\nexpected 0.9");
            case Fault.InvalidFile:
                throw new InvalidFileException("a/b.bin", "is torn");
            case Fault.Configuration:
                throw new ConfigurationException("found x; expected y", new FormatException("the cause"));
            case Fault.Odd:
                throw new FormatException("odd", new TimeZoneNotFoundException("the inner cause"));
            case Fault.Print:
                Print();
                break;
            case Fault.Segv:
                Print();
                _ = strlen(new IntPtr(0x7f00_0000_0000));
                break;
            case Fault.Abort:
                Print();
                abort();
                break;
            case Fault.Kill:
                _ = kill(Environment.ProcessId, 9);
                Thread.Sleep(Timeout.Infinite);
                break;
            case Fault.Exit:
                exit(7);
                break;
            case Fault.Thread:
                new Thread(() => throw new InvalidOperationException("on a thread of its own")).Start();
                Thread.Sleep(Timeout.Infinite);
                break;
            case Fault.Wait:
                context.Progress.Info("waiting");
                context.Cancel.WaitHandle.WaitOne();
                context.Cancel.ThrowIfCancellationRequested();
                break;
            case Fault.Deaf:
                context.Progress.Info("waiting");
                Thread.Sleep(Timeout.Infinite);
                break;
            case Fault.Memory:
                Eat(context);
                break;
            case Fault.File:
                using (var stream = File.Create(Path.Combine(context.RunFolder, "big")))
                {
                    while (true)
                    {
                        stream.Write(new byte[1 << 20]);
                    }
                }
        }
    }

    private static void Print()
    {
        Console.WriteLine("{\"event\":\"result\",\"result\":{}}");   // looks like a message and is none
        Console.Error.WriteLine("native library: last words");
    }

    private static unsafe void Eat(StageContext context)
    {
        context.Progress.Info("eating");
        while (true)
        {
            NativeMemory.Fill(NativeMemory.Alloc(16 << 20), 16 << 20, 1);
        }
    }

#pragma warning disable SYSLIB1054, IDE1006 // libc names
    [DllImport("libc")]
    private static extern nint strlen(IntPtr text);

    [DllImport("libc")]
    private static extern void abort();

    [DllImport("libc")]
    private static extern void exit(int code);

    [DllImport("libc")]
    private static extern int kill(int process, int signal);
#pragma warning restore SYSLIB1054, IDE1006
}
