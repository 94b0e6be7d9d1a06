using System.IO.Pipes;
using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>An engine behind a pair of pipes is the engine itself: every loss, logit and weight to the last bit.</summary>
public sealed class RemoteEngineTests : IDisposable
{
    private const int Batch = 8;
    private readonly TemporaryFolder _folder = new();
    private readonly NetworkSpec _network = RandomNetwork.Small();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_remote_engine_gives_what_the_engine_gives()
    {
        using var direct = OpenEngine("direct");
        using var served = OpenEngine("served");
        using var link = new Link(served, _network);
        using var remote = link.Client(_network.ClassCount);
        Assert.Equal(direct.Description, remote.Description);

        var settings = new StepSettings(0.1f, 0.9f, 5e-4f);
        var (expected, found) = (new float[Batch * _network.ClassCount], new float[Batch * _network.ClassCount]);
        for (var step = 0; step < 3; step++)
        {
            var images = RandomNetwork.Images(Batch, _network.ImageSize, 60 + step);
            long[] labels = [.. Enumerable.Range(0, Batch).Select(i => (long)(i % _network.ClassCount))];
            Assert.Equal(direct.Step(images, labels, settings), remote.Step(images, labels, settings));
            direct.Answer(images, Batch, expected);
            remote.Answer(images, Batch, found);
            Assert.Equal(expected, found);
        }
        Assert.Equal(direct.ReadWeights(), remote.ReadWeights());
    }

    [Fact]
    public void What_the_engine_complains_of_arrives_and_does_not_end_it()
    {
        using var served = OpenEngine("served");
        using var link = new Link(served, _network);
        using var remote = link.Client(_network.ClassCount);
        var images = RandomNetwork.Images(1, _network.ImageSize, 1);
        var error = Assert.Throws<DeviceException>(() => remote.Step(images, [_network.ClassCount], new StepSettings(0.1f, 0, 0)));   // no such class
        Assert.Contains("label 3 of image 0 is outside the head", error.Message, StringComparison.Ordinal);
        Assert.True(float.IsFinite(remote.Step(images, [0], new StepSettings(0.1f, 0, 0))));
    }

    [Fact]
    public void An_engine_that_is_gone_is_an_error_of_the_callers_choice()
    {
        var requests = new AnonymousPipeServerStream(PipeDirection.Out);
        requests.ClientSafePipeHandle.Dispose();
        var error = Assert.Throws<DeviceException>(() => new RemoteEngine(requests, new MemoryStream(), 3, () => new DeviceException("it said: no")));
        Assert.Equal("it said: no", error.Message);
    }

    private OnnxFinetuneEngine OpenEngine(string name)
    {
        var folder = Directory.CreateDirectory(_folder.File(name)).FullName;
        var weights = RandomNetwork.WriteWeights(folder, _network, RandomNetwork.Weights(_network, 2));
        var spec = new TrainingSpec(_network, TrainedPart.HeadBn);
        var (step, evaluation) = (Path.Combine(folder, "step.onnx"), Path.Combine(folder, "evaluation.onnx"));
        File.WriteAllBytes(step, TrainStep.Write(spec, weights));
        File.WriteAllBytes(evaluation, TrainStep.WriteEvaluation(spec, weights));
        return OnnxFinetuneEngine.Open(
            new FinetuneRequest(_network, weights, TrainedPart.HeadBn, 0.2, false, "cpu", 1, folder), step, evaluation, TrainStep.State(spec));
    }

    /// <summary>A server on a thread of its own, and the two pipes to it.</summary>
    private sealed class Link : IDisposable
    {
        private readonly AnonymousPipeServerStream _requests = new(PipeDirection.In);
        private readonly AnonymousPipeServerStream _answers = new(PipeDirection.Out);
        private readonly Task _serving;

        public Link(IFinetuneEngine engine, NetworkSpec network) =>
            _serving = Task.Run(() => EngineServer.Serve(engine, network.ImageSize, network.ClassCount, _requests, _answers));

        public RemoteEngine Client(int classCount) => new(
            new AnonymousPipeClientStream(PipeDirection.Out, _requests.ClientSafePipeHandle),
            new AnonymousPipeClientStream(PipeDirection.In, _answers.ClientSafePipeHandle),
            classCount, () => new DeviceException("gone"));

        /// <summary>After the client's end: the server has read all requests.</summary>
        public void Dispose()
        {
            _serving.Wait();
            _requests.Dispose();
            _answers.Dispose();
        }
    }
}
