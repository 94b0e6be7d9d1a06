using System.CommandLine;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary><c>airbench kernels</c> (hidden): our CUDA kernels beside libtorch's operators, numbers and times.</summary>
internal static class KernelsCommand
{
    public static Command Create()
    {
        var device = new Option<string>("--device") { Description = "auto, cpu (the same text, compiled by g++), cuda or cuda:N.", DefaultValueFactory = _ => "auto" };
        var images = new Option<int>("--images") { Description = "Batch; 0 for 1024 on CUDA and 4 on a CPU." };
        var precision = new Option<Precision>("--precision") { Description = "bf16 or fp16.", DefaultValueFactory = _ => Precision.Bf16 };
        var command = new Command("kernels", "Compare our CUDA kernels with libtorch's operators. Exit code 1 where a number is wrong.") { device, images, precision };
        command.Hidden = true;
        command.SetAction(parsed => KernelReport.Write(
            parsed.GetValue(device)!, parsed.GetValue(precision), parsed.GetValue(images), Console.WriteLine) ? ExitCode.Done : ExitCode.Failed);
        return command;
    }
}
