using CsCheck;

namespace Airbench.Tests;

/// <summary>
/// Every row of every plan against what then happens, over random edits of options, inputs, versions, results and records: never a stale result,
/// never a needless run, and every result is what a run from scratch would give.
/// </summary>
public class SkipPropertyTests
{
    private static readonly Gen<string> Stage = Gen.OneOf(SkipWorld.Stages);

    private static readonly Gen<(string Name, Action<SkipWorld> Do)> Edit = Gen.Frequency(
        (6, Gen.Select(Stage, Gen.Int[0, 5], (stage, value) => Named($"value {stage} {value}", world => world.SetValue(stage, value)))),
        (1, Gen.Select(Stage, Gen.Int[0, 5], (stage, value) => Named($"idle {stage} {value}", world => world.SetIdle(stage, value)))),
        (2, Gen.Int[1, 2].Select(seed => Named($"seed {seed}", world => world.SetSeed(seed)))),
        (2, Gen.Select(Gen.OneOf("source", "refine", "pack", "judge"), Gen.Int[1, 2],
            (kind, version) => Named($"version {kind} {version}", world => world.SetVersion(kind, version)))),
        (3, Gen.OneOf("x0", "x1", SkipWorld.Bad).Select(text => Named($"external {text}", world => world.SetExternal(text)))),
        (1, Gen.Const(Named("touch", world => world.WriteExternal()))),
        (1, Gen.Const(Named("pictures", world => world.TogglePictures()))),
        (3, Gen.Select(Stage, Gen.Bool, (stage, delete) => Named($"damage {stage} {delete}", world => world.Damage(stage, delete)))),
        (1, Stage.Select(stage => Named($"foreign file {stage}", world => world.AddForeignFile(stage)))),
        (1, Gen.Bool.Select(garbage => Named($"lose lock {garbage}", world => world.LoseLock(garbage)))),
        (1, Gen.Int[0, 2].Select(how => Named($"lose cache {how}", world => world.LoseCache(how)))));

    private static readonly Gen<string[]> Forced = Gen.Frequency((5, Gen.Const(Array.Empty<string>())), (1, Stage.Array[1, 2]));

    [Fact]
    public void Every_row_of_every_plan_says_what_then_happens()
    {
        var step = Gen.Select(Edit.Array[0, 3], Forced);
        step.Array[1, 12].Sample(
            steps =>
            {
                using var world = new SkipWorld();
                foreach (var (edits, forced) in steps)
                {
                    foreach (var edit in edits)
                    {
                        edit.Do(world);
                    }

                    world.PlanAndRun(forced);
                }
            },
            print: steps => string.Join("\n", steps.Select(step => $"{string.Join(", ", step.Item1.Select(edit => edit.Name))}; force [{string.Join(", ", step.Item2)}]")),
            iter: 60, threads: 1);
    }

    private static (string Name, Action<SkipWorld> Do) Named(string name, Action<SkipWorld> action) => (name, action);
}
