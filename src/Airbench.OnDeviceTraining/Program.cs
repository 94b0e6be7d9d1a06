using Airbench;
using Airbench.OnDeviceTraining;
using Airbench.Onnx;

// airbench-ondevice FOLDER: trains with the artifacts in FOLDER as the requests on standard input ask (EngineServer).
if (args is not [var folder])
{
    Console.Error.WriteLine("usage: airbench-ondevice FOLDER, with on-device-training artifacts and settings.json in it; requests come on standard input");
    return 2;
}
Console.CancelKeyPress += (_, e) => e.Cancel = true;   // meant for the program in front, which ends this one by ending its input
try
{
    var settings = Json.Read<OnDeviceSettings>(Path.Combine(folder, OnDeviceSettings.FileName));
    using var engine = OnDeviceEngine.Open(folder, settings);
    using var requests = Console.OpenStandardInput();
    using var answers = Console.OpenStandardOutput();
    EngineServer.Serve(engine, settings.ImageSize, settings.ClassCount, requests, answers);
    return 0;
}
catch (AirbenchException e)
{
    Console.Error.WriteLine(e.Message);
    return e.ExitCode;
}
