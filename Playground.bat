@echo off
rem Starts launch.py with the first Python that is new enough.
for %%p in ("py -3" "python" "python3") do (
    %%~p -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul && (
        %%~p "%~dp0launch.py" %*
        goto end
    )
)
echo Playground needs Python 3.11 or newer, and none was found. Install it, then start again.
cmd /c exit 2
:end
set code=%errorlevel%
if not %code% == 0 pause
exit /b %code%
