// Fine-tuning in ONNX Runtime beside TorchSharp: how fast a step is, and what adaptation reaches. Prints Markdown.
//   adaptation speed [recipe] [rounds] [batch,batch,...] [threads]     images/s of a whole step, and where ONNX Runtime's time goes
//   adaptation adapt <data/cifar10> <work folder> [epochs of the base model] [images per class,...] [test images per class] [widths,...]
using Airbench.Adaptation;

switch (args)
{
    case ["speed", .. var rest]:
        StepSpeed.Run(
            rest.ElementAtOrDefault(0) ?? "airbench94", Number(rest.ElementAtOrDefault(1), 5),
            Numbers(rest.ElementAtOrDefault(2), [32, 64, 128, 256]), Number(rest.ElementAtOrDefault(3), Environment.ProcessorCount));
        return 0;
    case ["adapt", var data, var work, .. var rest]:
        Experiment.Run(
            data, work, Number(rest.ElementAtOrDefault(0), 5), Numbers(rest.ElementAtOrDefault(1), [20, 100, 500]), Number(rest.ElementAtOrDefault(2), int.MaxValue),
            Numbers(rest.ElementAtOrDefault(3), [64, 256, 256]));
        return 0;
    default:
        Console.Error.WriteLine("usage: adaptation speed [recipe] [rounds] [batches] [threads] | adaptation adapt <data> <work> [epochs] [images per class] [test images per class] [widths]");
        return 2;
}

static int Number(string? text, int otherwise) => text is null ? otherwise : int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

static int[] Numbers(string? text, int[] otherwise) => text is null ? otherwise : [.. text.Split(',').Select(part => Number(part, 0))];
