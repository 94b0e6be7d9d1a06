// Fine-tuning in ONNX Runtime beside TorchSharp: how fast a step is, and what adaptation reaches. Prints Markdown.
//   adaptation speed [recipe] [rounds] [batch,batch,...] [threads]     images/s of a whole step, and where ONNX Runtime's time goes
//   adaptation adapt <data/cifar10> <work folder> [epochs of the base model] [images per class,...] [test images per class] [widths,...]
//   adaptation rates <data/cifar10> <work folder> [epochs of the base model] [images per class,...] [test images per class] [widths,...] [learns,...] [lr,...]
//       [rehearsed,kept,dropped: what becomes of the old classes] [seeds] [patience]
//   adaptation shifts <data/cifar10> <work folder> [epochs of the base model] [test images per class] [widths,...]
using Airbench.Adaptation;
using Airbench.Onnx;

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
    case ["shifts", var data, var work, .. var rest]:
        Experiment.RunShifts(
            data, work, Number(rest.ElementAtOrDefault(0), 4), Number(rest.ElementAtOrDefault(1), 300), Numbers(rest.ElementAtOrDefault(2), [32, 128, 128]));
        return 0;
    case ["rates", var data, var work, .. var rest]:
        Experiment.Sweep(
            data, work, Number(rest.ElementAtOrDefault(0), 4), Numbers(rest.ElementAtOrDefault(1), [20, 100]), Number(rest.ElementAtOrDefault(2), 300),
            Numbers(rest.ElementAtOrDefault(3), [32, 128, 128]), Texts(rest.ElementAtOrDefault(4), ["head", "head+bn", "last_group", "all"]),
            [.. Texts(rest.ElementAtOrDefault(5), ["0.03", "0.1", "0.3", "1"]).Select(rate => double.Parse(rate, System.Globalization.CultureInfo.InvariantCulture))],
            Texts(rest.ElementAtOrDefault(6), ["rehearsed", "kept", "dropped"]), Number(rest.ElementAtOrDefault(7), 1),
            Number(rest.ElementAtOrDefault(8), new FinetuneOptions().Patience));
        return 0;
    default:
        Console.Error.WriteLine("usage: adaptation speed [recipe] [rounds] [batches] [threads] | adaptation adapt <data> <work> [epochs] [images per class] [test images per class] [widths] | " +
            "adaptation rates <data> <work> [epochs] [images per class] [test images per class] [widths] [learns] [lr] [rehearsed,kept,dropped] [seeds] [patience] | " +
            "adaptation shifts <data> <work> [epochs] [test images per class] [widths]");
        return 2;
}

static int Number(string? text, int otherwise) => text is null ? otherwise : int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

static int[] Numbers(string? text, int[] otherwise) => text is null ? otherwise : [.. text.Split(',').Select(part => Number(part, 0))];

static string[] Texts(string? text, string[] otherwise) => text?.Split(',') ?? otherwise;
